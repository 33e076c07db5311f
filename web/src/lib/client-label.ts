import type { TFunction } from 'i18next'

/** Clients name themselves in English, as in "Firefox on Linux". */
export function clientLabel(label: string, t: TFunction): string {
  const parts = /^(.+) on (Windows|macOS|Linux|Android|iPhone|iPad)$/.exec(label)
  return parts ? t('clients.on', { client: parts[1], system: parts[2] }) : label
}
