import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig(({ mode }) => ({
  plugins: [react()],
  // With the real server: `npm run dev -- --mode development`, and a server on its usual port.
  server: {
    port: 5173,
    proxy: mode === 'mock' ? undefined : { '/api': { target: 'http://127.0.0.1:8080', ws: true } },
  },
  build: {
    target: 'es2022',
    // Go embeds dist; .keep must survive so that go:embed compiles before the first build.
    emptyOutDir: true,
    copyPublicDir: true,
    modulePreload: { polyfill: false }, // the polyfill is only for browsers that lack the rest too
    rollupOptions: {
      output: {
        // What changes seldom is kept apart from what changes with every release.
        manualChunks: (id: string) => {
          if (/node_modules\/(react|react-dom|scheduler|@tanstack|i18next|react-i18next|openapi-fetch)\//.test(id)) {
            return 'base'
          }
        },
      },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}', 'mock-api/**/*.test.ts'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
  },
}))
