const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^(coretemp_package|k10temp_t(ctl|die)|cpu_thermal|zenpower|x86_pkg_temp)/, 'CPU'],
  [/^coretemp_core_(\d+)$/, 'core $1'],
  [/^nvme_composite/, 'NVMe'],
  [/^nvme_sensor_(\d+)$/, 'NVMe $1'],
  [/^drivetemp/, 'disk'],
  [/^acpitz/, 'board'],
  [/^iwlwifi/, 'Wi-Fi'],
];

/** A short name of a sensor as the kernel names it: `coretemp_package_id_0` is CPU. Unknown ones stay as they are. */
export function sensorLabel(sensor: string): string {
  for (const [pattern, label] of KNOWN) {
    const found = pattern.exec(sensor);
    if (found !== null) return label.replace('$1', found[1] ?? '');
  }
  return sensor;
}
