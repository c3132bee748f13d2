import { createRouter, createWebHistory } from 'vue-router';
import FleetPage from './fleet/FleetPage.vue';

/** Pages. What brings the charts is loaded when it is first needed. */
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'fleet', component: FleetPage },
    { path: '/hosts/add', name: 'add-host', component: () => import('./enrol/AddHostPage.vue') },
    { path: '/hosts/:host', name: 'host', component: () => import('./host/HostPage.vue'), props: true },
    { path: '/alerts', name: 'alerts', component: () => import('./alerts/AlertsPage.vue') },
    { path: '/sessions', name: 'sessions', component: () => import('./sessions/SessionsPage.vue') },
    { path: '/server', name: 'server', component: () => import('./server/ServerPage.vue') },
    { path: '/login', name: 'login', component: () => import('./login/LoginPage.vue'), meta: { open: true } },
    { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./shell/NowherePage.vue') },
  ],
  scrollBehavior: (to, from, saved) => (to.name === from.name ? undefined : (saved ?? { top: 0 })),
});
