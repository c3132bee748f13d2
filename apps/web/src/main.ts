import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import App from './App.vue';
import { ApiError } from './api/client.ts';
import { router } from './router.ts';
import './styles/main.css';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchOnWindowFocus: false,
      // The page's own rhythm asks again; a refusal will not turn into consent.
      retry: (failures, error) => failures < 1 && !(error instanceof ApiError && error.status >= 400),
    },
  },
});

createApp(App).use(createPinia()).use(VueQueryPlugin, { queryClient: queries }).use(router).mount('#app');
