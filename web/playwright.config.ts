import { defineConfig } from '@playwright/test'

const port = Number(process.env.E2E_PORT ?? 4179)

export default defineConfig({
  testDir: 'test/e2e',
  workers: 1, // a second one gains nothing on two cores, which the browser keeps busy
  timeout: 15_000,
  expect: { timeout: 5_000 },
  forbidOnly: !!process.env.CI,
  reporter: [['list']],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    viewport: { width: 1280, height: 800 },
    // A trace of everything takes longer than the tests themselves: it is made when it is asked for.
    trace: process.env.E2E_TRACE ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      // The distribution's browser: a download of its own is not always to be had.
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  webServer: {
    // A build with the mock in it, outside of dist, which holds what is shipped.
    command: `npx vite build --mode mock --outDir node_modules/.mock --logLevel warn && npx vite preview --outDir node_modules/.mock --host 127.0.0.1 --port ${port} --strictPort`,
    url: `http://127.0.0.1:${port}`,
    timeout: 120_000,
    reuseExistingServer: !process.env.CI,
  },
})
