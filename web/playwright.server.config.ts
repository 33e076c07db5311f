import base from './playwright.config'

// Against the real server: each test starts its own (see test/server/office.ts).
export default {
  ...base,
  testDir: 'test/server',
  timeout: 60_000,
  webServer: undefined,
}
