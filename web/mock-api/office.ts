/** An invented office: who works there, and what stands in their calendars. */
import type { Appointment, Level, Presence, Profile, ShowAs, Status, Template } from '../src/lib/model'
import { addDays, civil, instant, startOf, weekday } from '../src/lib/zone'
import type { Facts } from './rights'

export const ZONE = 'Europe/Berlin'
export const ME = 'anna'

/** Name, group, what I am to them, what they are to me, status, profile, text. */
type Row = [
  id: string,
  name: string,
  group: string,
  mine: Level,
  theirs: Level,
  status: Status,
  profile?: string,
  text?: string,
]

const rows: Row[] = [
  [ME, 'Anna Berger', 'product', 'team_colleague', 'team_colleague', 'available'],
  ['jonas', 'Jonas Keller', 'product', 'team_colleague', 'team_colleague', 'busy', 'Appointment', 'Roadmap review'],
  ['mira', 'Mira Yıldız', 'product', 'assistant_plus', 'team_colleague', 'available'],
  ['tom', 'Tom Albrecht', 'product', 'team_colleague', 'assistant', 'do_not_disturb', 'Focus time'],
  ['lena', 'Lena Vogt', 'product', 'team_colleague', 'team_colleague', 'available', 'Home office'],
  ['paul', 'Paul Brandt', 'product', 'team_colleague', 'team_colleague', 'be_right_back', 'Break', 'Lunch'],
  ['ines', 'Inês Carvalho', 'product', 'assistant', 'team_colleague', 'busy', 'Appointment', 'Interview'],
  [
    'felix',
    'Felix Sommer',
    'product',
    'team_colleague',
    'team_colleague',
    'unavailable',
    'On holiday',
    'Back on Monday',
  ],
  ['sofia', 'Sofia Lindqvist', 'product', 'team_colleague', 'team_colleague', 'available'],
  ['noah', 'Noah Fischer', 'product', 'team_colleague', 'team_colleague', 'available'],
  ['clara', 'Clara Neumann', 'sales', 'employee', 'employee', 'available'],
  ['david', 'David Okafor', 'sales', 'team_colleague', 'team_colleague', 'busy', 'Appointment', 'Customer visit'],
  ['eva', 'Eva Hoffmann', 'sales', 'team_colleague', 'team_colleague', 'available'],
  ['leon', 'Leon Schuster', 'sales', 'team_colleague', 'team_colleague', 'logged_out'],
  ['marie', 'Marie Dubois', 'sales', 'team_colleague', 'team_colleague', 'available', 'Home office'],
  [
    'oskar',
    'Oskar Wieland',
    'sales',
    'team_colleague',
    'team_colleague',
    'do_not_disturb',
    'Do not disturb',
    'Quarterly figures',
  ],
  ['petra', 'Petra Zimmermann', 'sales', 'employee', 'team_colleague', 'be_right_back'],
  ['rafael', 'Rafael Costa', 'sales', 'team_colleague', 'team_colleague', 'available'],
  ['hannah', 'Hannah Krüger', 'support', 'team_colleague', 'team_colleague', 'available'],
  ['ben', 'Ben Adeyemi', 'support', 'team_colleague', 'team_colleague', 'busy'],
  ['julia', 'Julia Maier', 'support', 'team_colleague', 'team_colleague', 'available'],
  ['karim', 'Karim Haddad', 'support', 'team_colleague', 'team_colleague', 'available'],
  ['luise', 'Luise Arnold', 'support', 'team_colleague', 'team_colleague', 'unavailable', 'Off sick'],
  ['matteo', 'Matteo Rossi', 'support', 'team_colleague', 'team_colleague', 'be_right_back'],
  ['nina', 'Nina Petersen', 'support', 'team_colleague', 'team_colleague', 'available'],
  ['ralf', 'Ralf Jansen', 'board', 'external', 'employee', 'busy'],
  ['ulrike', 'Dr. Ulrike von Stein', 'board', 'assistant', 'employee', 'busy', 'Appointment', 'Board meeting'],
  ['viktor', 'Viktor Engel', 'board', 'unknown', 'employee', 'available'],
  ['wanda', 'Wanda Kowalska', 'board', 'employee', 'employee', 'available'],
  ['yusuf', 'Yusuf Demir', 'outside', 'team_colleague', 'external', 'available'],
  ['zoe', 'Zoë Lambert', 'outside', 'employee', 'blocked', 'logged_out'],
  ['greta', 'Greta Lorenz', 'outside', 'team_colleague', 'employee', 'logged_out'],
]

export const groups = [
  { id: 'product', name: 'Product', kind: 'work' as const },
  { id: 'sales', name: 'Sales', kind: 'work' as const },
  { id: 'support', name: 'Support', kind: 'work' as const },
  { id: 'board', name: 'Board', kind: 'monitoring' as const },
]

export type Person = {
  facts: Facts
  group: string
  /** What I am to them, and what they are to me by the administration. */
  mine: Level
  theirs: Level
  presence: Presence
}

const ago = (now: Date, minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString()

export function makePeople(now: Date): Map<string, Person> {
  return new Map(
    rows.map(([id, name, group, mine, theirs, status, profile, text], i) => {
      const words = name.replace(/^Dr\. /, '').split(' ')
      const mail = `${words[0]}.${words.at(-1)}`
        .toLowerCase()
        .normalize('NFD')
        .replace(/[\u0300-\u036f]/g, '')
        .replace('ı', 'i')
      const presence: Presence = {
        id,
        status,
        profile,
        text,
        since: ago(now, 7 + ((i * 37) % 190)),
        cause: profile === 'Appointment' ? 'calendar' : profile ? 'hand' : status === 'logged_out' ? 'end' : 'start',
        line: { state: 'idle' },
      }
      if (profile === 'Appointment') presence.until = ago(now, -(12 + ((i * 13) % 60)))
      if (id === 'ben')
        Object.assign(presence, { line: { state: 'on_the_phone', reach: 'external', other: '+49 40 555 0134' } })
      if (id === 'eva')
        Object.assign(presence, { line: { state: 'on_the_phone', reach: 'external', service: 'MS Teams' } })
      if (id === 'hannah') Object.assign(presence, { line: { state: 'ringing', reach: 'internal' } })
      return [
        id,
        {
          group,
          mine,
          theirs,
          presence: id === 'greta' ? { id, off: true } : presence,
          facts: {
            id,
            name,
            email: `${mail}@example.com`,
            work_number: `+49 30 555 0${100 + i}`,
            mobile_number: i % 3 || id === ME ? `+49 151 555 01${10 + i}` : undefined,
            home_number: i % 7 === 1 ? `+49 30 444 0${100 + i}` : undefined,
            location: group === 'support' ? 'Hamburg' : 'Berlin',
          },
        },
      ] as const
    }),
  )
}

const profile = (
  id: string,
  name: string,
  status: Status,
  action: Profile['forwarding'] = { action: 'keep' },
  text?: string,
): Template => ({
  id,
  name,
  status,
  text,
  forwarding: action,
  active: true,
  user_forwarding: 'adjust',
})

export const templates: Template[] = [
  profile('t-available', 'Available', 'available', { action: 'off' }),
  profile('t-home', 'Home office', 'available', { action: 'forward', target: 'home' }),
  profile('t-brb', 'Be right back', 'be_right_back'),
  profile('t-break', 'Break', 'be_right_back', { action: 'forward', target: 'voicemail' }),
  profile('t-appointment', 'Appointment', 'busy', { action: 'forward', target: 'voicemail' }),
  profile('t-dnd', 'Do not disturb', 'do_not_disturb', { action: 'do_not_disturb' }),
  profile('t-holiday', 'On holiday', 'unavailable', { action: 'forward', target: 'voicemail' }),
  profile('t-sick', 'Off sick', 'unavailable', { action: 'forward', target: 'voicemail' }),
  profile('t-unavailable', 'Unavailable', 'unavailable'),
]

export const ownProfiles: Profile[] = [
  {
    id: 'p-focus',
    name: 'Focus time',
    status: 'do_not_disturb',
    text: 'Heads down',
    forwarding: { action: 'do_not_disturb' },
  },
  {
    id: 'p-workshop',
    name: 'Workshop',
    status: 'busy',
    text: 'In a workshop',
    forwarding: { action: 'forward', target: 'mobile' },
  },
  {
    id: 'p-lab',
    name: 'In the lab',
    status: 'be_right_back',
    text: 'Lab, room 2.14',
    forwarding: { action: 'forward', target: 'number', number: '+49 30 555 0777' },
  },
]

type Entry = [days: number, from: number, to: number, subject: string, showAs?: ShowAs, more?: Partial<Appointment>]

/** My calendar around today: hours by the clock of the zone, on working days. */
const mine: Entry[] = [
  [0, 9.25, 9.5, 'Stand-up'],
  [0, 10, 11, 'Planning first quarter', 'busy', { reminder_minutes: 10, url: 'https://calendar.example.com/e/1' }],
  [0, 10.5, 11.5, 'Hiring update', 'tentative'],
  [0, 12, 13, 'Lunch with Jonas', 'free'],
  [0, 14.5, 15.25, '', 'busy', { private: true }],
  [0, 15, 16, 'Call with Brandt AG', 'busy', { url: 'https://calendar.example.com/e/2', reminder_minutes: 15 }],
  [0, 16.5, 17, 'One to one with Mira'],
  [-1, 11, 12.5, 'Design review'],
  [-1, 14, 15, 'Sprint retrospective'],
  [1, 9.25, 9.5, 'Stand-up'],
  [1, 9.5, 11, 'Architecture round', 'busy', { url: 'https://calendar.example.com/e/3' }],
  [1, 13, 14, 'Budget', 'tentative'],
  [2, 9.25, 9.5, 'Stand-up'],
  [2, 10, 12, 'Workshop: onboarding', 'busy', { profile: 'Workshop' }],
  [2, 15, 16.5, 'Dentist', 'out_of_office', { private: true, subject: undefined }],
  [3, 10, 11, 'Demo'],
  [3, 11, 11.5, 'Coffee with Inês', 'free'],
  [-2, 10, 10.75, 'Customer interviews'],
  [-2, 13.5, 15, 'Research notes', 'working_elsewhere'],
]

function appointment(
  ref: string,
  start: Date,
  end: Date,
  subject: string,
  showAs: ShowAs,
  more: Partial<Appointment> = {},
): Appointment {
  const counts = showAs !== 'free' && showAs !== 'working_elsewhere'
  return {
    ref,
    start: start.toISOString(),
    end: end.toISOString(),
    show_as: showAs,
    status: showAs === 'out_of_office' ? 'unavailable' : showAs === 'free' ? 'available' : 'busy',
    profile: counts ? (showAs === 'out_of_office' ? 'Unavailable' : 'Appointment') : undefined,
    subject: more.private ? undefined : subject,
    counts,
    calendar: 'Work',
    ...more,
  }
}

export function makeAgenda(now: Date): Map<string, Appointment[]> {
  const today = civil(now, ZONE).day
  const days = (n: number) => addDays(today, n)
  const seen_at = new Date(now.getTime() - 3 * 60_000).toISOString()
  const list = mine
    .filter(([d]) => d === 0 || weekday(days(d)) < 5)
    .map(([d, from, to, subject, showAs = 'busy', more], i) =>
      appointment(
        `calendar#work-${i}`,
        instant(days(d), from * 60, ZONE),
        instant(days(d), to * 60, ZONE),
        subject,
        showAs,
        { seen_at, ...more },
      ),
    )
  const whole = (ref: string, from: number, to: number, subject: string, showAs: ShowAs) =>
    list.push(appointment(ref, startOf(days(from), ZONE), startOf(days(to), ZONE), subject, showAs, { all_day: true }))
  whole('calendar#day-1', 0, 1, 'Trade fair set-up', 'working_elsewhere')
  whole('calendar#day-2', 2, 4, 'Offsite in Leipzig', 'tentative')
  // A call this morning, seen by the microphone.
  list.push({
    ref: 'microphone#zoom-1',
    start: instant(today, 8.6 * 60, ZONE).toISOString(),
    end: instant(today, 9.05 * 60, ZONE).toISOString(),
    show_as: 'busy',
    status: 'busy',
    profile: 'Appointment',
    subject: 'Zoom',
    counts: true,
  })
  list.sort((a, b) => a.start.localeCompare(b.start))
  const others = new Map<string, Appointment[]>([[ME, list]])
  for (const [i, [id, , , , , , p, text]] of rows.entries()) {
    if (id === ME) continue
    const own = [
      appointment(
        `calendar#${id}-1`,
        instant(today, (9 + (i % 3)) * 60, ZONE),
        instant(today, (10 + (i % 3)) * 60, ZONE),
        'Team meeting',
        'busy',
      ),
      appointment(
        `calendar#${id}-2`,
        instant(today, (13.5 + (i % 4) * 0.5) * 60, ZONE),
        instant(today, (14.5 + (i % 4) * 0.5) * 60, ZONE),
        'Review',
        'busy',
      ),
    ]
    if (p === 'Appointment')
      own.push(
        appointment(
          `calendar#${id}-now`,
          new Date(ago(now, 20)),
          new Date(ago(now, -(12 + ((i * 13) % 60)))),
          text ?? '',
          'busy',
        ),
      )
    others.set(
      id,
      own.sort((a, b) => a.start.localeCompare(b.start)),
    )
  }
  return others
}
