import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';

/** What stands in one kstat file; a name in none of the lists is not reported. */
interface Kstats {
  /** Telegraf's prefix of the field: the file and `_`, or nothing where the keys say it themselves. */
  readonly prefix: string;
  readonly counters?: string;
  readonly byteCounters?: string;
  readonly gauges?: string;
  readonly byteGauges?: string;
}

/** As OpenZFS 0.7 to 2.3 have them. */
const KSTATS: Readonly<Record<string, Kstats>> = {
  abdstats: {
    prefix: 'abdstats_',
    gauges: `linear_cnt scatter_cnt scatter_order_0 scatter_order_1 scatter_order_2 scatter_order_3 scatter_order_4 scatter_order_5
      scatter_order_6 scatter_order_7 scatter_order_8 scatter_order_9 scatter_order_10`,
    byteGauges: 'struct_size linear_data_size scatter_data_size scatter_chunk_waste',
    counters: 'scatter_page_multi_chunk scatter_page_multi_zone scatter_page_alloc_retry scatter_sg_table_retry',
  },
  arcstats: {
    prefix: 'arcstats_',
    counters: `hits iohits misses demand_data_hits demand_data_iohits demand_data_misses demand_metadata_hits demand_metadata_iohits
      demand_metadata_misses prefetch_data_hits prefetch_data_iohits prefetch_data_misses prefetch_metadata_hits
      prefetch_metadata_iohits prefetch_metadata_misses mru_hits mru_ghost_hits mfu_hits mfu_ghost_hits uncached_hits deleted
      mutex_miss access_skip evict_skip evict_not_enough evict_l2_skip hash_collisions l2_hits l2_misses l2_feeds l2_rw_clash
      l2_writes_sent l2_writes_done l2_writes_error l2_writes_lock_retry l2_evict_lock_retry l2_evict_reading l2_evict_l1cached
      l2_free_on_write l2_cdata_free_on_write l2_abort_lowmem l2_cksum_bad l2_io_error l2_compress_successes l2_compress_zeros
      l2_compress_failures l2_log_blk_writes l2_rebuild_success l2_rebuild_unsupported l2_rebuild_io_errors l2_rebuild_dh_errors
      l2_rebuild_cksum_lb_errors l2_rebuild_lowmem l2_rebuild_bufs l2_rebuild_bufs_precached l2_rebuild_log_blks
      memory_throttle_count memory_direct_count memory_indirect_count arc_prune async_upgrade_sync predictive_prefetch
      demand_hit_predictive_prefetch demand_iohit_predictive_prefetch prescient_prefetch demand_hit_prescient_prefetch
      demand_iohit_prescient_prefetch cached_only_in_progress duplicate_reads`,
    byteCounters: `evict_l2_cached evict_l2_eligible evict_l2_eligible_mfu evict_l2_eligible_mru evict_l2_ineligible l2_read_bytes
      l2_write_bytes l2_rebuild_size l2_rebuild_asize`,
    gauges: `hash_elements hash_elements_max hash_chains hash_chain_max meta pd pm l2_log_blk_count l2_data_to_meta_ratio arc_no_grow
      duplicate_buffers`,
    byteGauges: `c c_min c_max p size compressed_size uncompressed_size overhead_size hdr_size data_size metadata_size other_size
      dbuf_size dnode_size bonus_size anon_size anon_data anon_metadata anon_evictable_data anon_evictable_metadata mru_size mru_data
      mru_metadata mru_evictable_data mru_evictable_metadata mru_ghost_size mru_ghost_data mru_ghost_metadata
      mru_ghost_evictable_data mru_ghost_evictable_metadata mfu_size mfu_data mfu_metadata mfu_evictable_data
      mfu_evictable_metadata mfu_ghost_size mfu_ghost_data mfu_ghost_metadata mfu_ghost_evictable_data
      mfu_ghost_evictable_metadata uncached_size uncached_data uncached_metadata uncached_evictable_data
      uncached_evictable_metadata l2_prefetch_asize l2_mru_asize l2_mfu_asize l2_bufc_data_asize l2_bufc_metadata_asize l2_size
      l2_asize l2_hdr_size l2_log_blk_avg_asize l2_log_blk_asize memory_all_bytes memory_free_bytes memory_available_bytes
      arc_tempreserve arc_loaned_bytes arc_meta_used arc_meta_limit arc_meta_max arc_meta_min arc_dnode_limit arc_need_free
      arc_sys_free arc_raw_size abd_chunk_waste_size duplicate_buffers_size`,
  },
  dnodestats: {
    prefix: '',
    counters: `dnode_hold_dbuf_hold dnode_hold_dbuf_read dnode_hold_alloc_hits dnode_hold_alloc_misses dnode_hold_alloc_interior
      dnode_hold_alloc_lock_retry dnode_hold_alloc_lock_misses dnode_hold_alloc_type_none dnode_hold_free_hits
      dnode_hold_free_misses dnode_hold_free_lock_misses dnode_hold_free_lock_retry dnode_hold_free_overflow
      dnode_hold_free_refcount dnode_hold_free_txg dnode_free_interior_lock_retry dnode_allocate dnode_reallocate dnode_buf_evict
      dnode_alloc_next_chunk dnode_alloc_race dnode_alloc_next_block dnode_move_invalid dnode_move_recheck1 dnode_move_recheck2
      dnode_move_special dnode_move_handle dnode_move_rwlock dnode_move_active`,
  },
  dmu_tx: {
    prefix: '',
    counters: `dmu_tx_assigned dmu_tx_delay dmu_tx_error dmu_tx_suspended dmu_tx_group dmu_tx_memory_reserve dmu_tx_memory_reclaim
      dmu_tx_dirty_throttle dmu_tx_dirty_delay dmu_tx_dirty_over_max dmu_tx_dirty_frees_delay dmu_tx_wrlog_delay dmu_tx_quota`,
  },
  fm: { prefix: 'fm_', counters: 'erpt-dropped erpt-set-failed fmri-set-failed payload-set-failed erpt-duplicates' },
  vdev_mirror_stats: {
    prefix: 'vdev_mirror_stats_',
    counters: 'rotating_linear rotating_offset rotating_seek non_rotating_linear non_rotating_seek preferred_found preferred_not_found',
  },
  zfetchstats: {
    prefix: 'zfetchstats_',
    counters: `hits future stride past misses max_streams io_issued colinear_hits colinear_misses stride_hits stride_misses
      reclaim_successes reclaim_failures streams_resets streams_noresets bogus_streams`,
    gauges: 'io_active',
  },
  zil: {
    prefix: '',
    counters: `zil_commit_count zil_commit_writer_count zil_commit_error_count zil_commit_stall_count zil_commit_suspend_count
      zil_itx_count zil_itx_indirect_count zil_itx_copied_count zil_itx_needcopy_count zil_itx_metaslab_normal_count
      zil_itx_metaslab_slog_count`,
    byteCounters: `zil_itx_indirect_bytes zil_itx_copied_bytes zil_itx_needcopy_bytes zil_itx_metaslab_normal_bytes
      zil_itx_metaslab_normal_write zil_itx_metaslab_normal_alloc zil_itx_metaslab_slog_bytes zil_itx_metaslab_slog_write
      zil_itx_metaslab_slog_alloc`,
  },
};

/** Those that somebody looks at, in words. */
const HELP: Readonly<Record<string, string>> = {
  arcstats_size: 'Memory of the ARC, the cache of ZFS',
  arcstats_c: 'Size that the ARC aims at',
  arcstats_c_min: 'Least that the ARC shrinks to',
  arcstats_c_max: 'Most that the ARC grows to',
  arcstats_hits: 'Reads that the ARC answered',
  arcstats_iohits: 'Reads of what was being read already',
  arcstats_misses: 'Reads that had to go to the disks',
  arcstats_l2_hits: 'Reads that the L2ARC answered',
  arcstats_l2_misses: 'Reads that the L2ARC could not answer',
  arcstats_l2_size: 'Data in the L2ARC, before compression',
  arcstats_l2_asize: 'Data in the L2ARC as it is on the device',
  arcstats_memory_throttle_count: 'Times that writers were slowed down for want of memory',
  arcstats_memory_available_bytes: 'Memory that the ARC may still take; negative if it must give some back',
};

/** File -> key in it -> the field's name and declaration. */
export const FIELDS: ReadonlyMap<string, ReadonlyMap<string, readonly [string, FieldDeclaration]>> = new Map(
  Object.entries(KSTATS).map(([file, { prefix, counters, byteCounters, gauges, byteGauges }]) => {
    const fields = new Map<string, readonly [string, FieldDeclaration]>();
    const declare = (keys: string | undefined, declaration: (help: string) => FieldDeclaration) => {
      for (const key of keys?.split(/\s+/) ?? []) {
        const name = `${prefix}${key}`;
        fields.set(key, [name, declaration(HELP[name] ?? `${file} of OpenZFS: ${key.replaceAll(/[_-]/g, ' ')}`)]);
      }
    };
    declare(counters, (help) => counter('1', help));
    declare(byteCounters, (help) => counter('bytes', help));
    declare(gauges, (help) => gauge('int', '1', help));
    declare(byteGauges, (help) => gauge('int', 'bytes', help));
    return [file, fields];
  }),
);

const POOL_FIELDS: Readonly<Record<string, FieldDeclaration>> = {
  reads: counter('requests', 'Reads'),
  writes: counter('requests', 'Writes'),
  nread: counter('bytes', 'Read'),
  nwritten: counter('bytes', 'Written'),
  nunlinks: counter('1', 'Files put on the list of those to delete'),
  nunlinked: counter('1', 'Files deleted from that list'),
  wtime: counter('ns', 'Time in which something waited'),
  wlentime: counter('ns', 'Waiting time of all, added up'),
  rtime: counter('ns', 'Time in which something was served'),
  rlentime: counter('ns', 'Serving time of all, added up'),
  wupdate: counter('ns', 'When the queue of what waits last changed'),
  rupdate: counter('ns', 'When the queue of what is served last changed'),
  wcnt: gauge('int', 'requests', 'Waiting'),
  rcnt: gauge('int', 'requests', 'Being served'),
};

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  zfs: {
    help: 'ZFS as a whole: ARC, intent log, prefetch.',
    tags: { pools: 'Names of the pools, joined by ::' },
    fields: Object.fromEntries([...FIELDS.values()].flatMap((fields) => [...fields.values()])),
  },
  zfs_pool: {
    help: 'A pool (without the tag dataset), and each of its datasets.',
    tags: { pool: 'Its name', dataset: 'File system or volume; absent in the row of the pool itself' },
    fields: {
      ...POOL_FIELDS,
      ...Object.fromEntries(FIELDS.get('zil')?.values() ?? []),
      health: state('string', 'ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED or SUSPENDED; in the row of the pool itself'),
    },
  },
};
