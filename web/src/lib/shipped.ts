import type { TFunction } from 'i18next'

/**
 * Names and texts of the templates that every office begins with (internal/policy/settings.go, Factory), and what the
 * server says of calls by itself. They are stored in English; as long as nobody has changed them, each reader sees them
 * in their own language.
 */
const SHIPPED = {
  Available: 'available',
  'Home office': 'home_office',
  'Be right back': 'be_right_back',
  Break: 'break',
  Appointment: 'appointment',
  'Do not disturb': 'do_not_disturb',
  'On holiday': 'on_holiday',
  'Off sick': 'off_sick',
  Unavailable: 'unavailable',
  // What stands for a call in Teams (internal/teams).
  'On the phone (MS Teams)': 'on_the_phone_teams',
} as const

/** The word for the reader: that of a shipped template in their language, anything else as it is. */
export function shipped(word: string, t: TFunction): string {
  return Object.hasOwn(SHIPPED, word) ? t(`shipped.${SHIPPED[word as keyof typeof SHIPPED]}`) : word
}
