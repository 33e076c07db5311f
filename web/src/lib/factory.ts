import type { Program, Status, Template } from './model'
import type { Values } from './scope'

const template = (id: string, name: string, status: Status, text?: string): Template => ({
  id,
  name,
  status,
  text,
  forwarding: { action: 'keep' },
  active: true,
  user_forwarding: 'own',
})

const program = (process: string, alias: string): Program => ({ active: true, process, alias })

const on = (profile: string, minutes?: number) => ({ on: true, profile, minutes, user_may_change: true })

/**
 * What a section begins with that is made individual: a copy of Factory in internal/policy/settings.go, so that it can
 * be looked at and changed before anything is saved. A test compares the two.
 */
export const FACTORY: Values = {
  feature: { enabled: true },
  templates: [
    template('available', 'Available', 'available'),
    template('home-office', 'Home office', 'available', 'Home office'),
    template('be-right-back', 'Be right back', 'be_right_back'),
    template('break', 'Break', 'be_right_back', 'Break'),
    template('appointment', 'Appointment', 'busy', 'Appointment'),
    template('do-not-disturb', 'Do not disturb', 'do_not_disturb'),
    template('on-holiday', 'On holiday', 'unavailable', 'On holiday'),
    template('off-sick', 'Off sick', 'unavailable', 'Off sick'),
    template('unavailable', 'Unavailable', 'unavailable'),
  ],
  own_profiles: { allowed: true, permitted: ['be_right_back', 'busy', 'do_not_disturb', 'unavailable'] },
  activation: {
    start: on('available'),
    end: on('unavailable'),
    inactivity: on('be-right-back', 10),
    lock: on('be-right-back'),
  },
  calendar: {
    days_ahead: 30,
    profile: 'appointment',
    subject_as_text: false,
    show_as: ['busy', 'out_of_office', 'tentative'],
    all_day: true,
    category_profiles: true,
    only_with_category: false,
    user_may_change: true,
    method: 'local',
    own_calendars: true,
  },
  teams: { sync: 'none', user_may_change: false, access: 'application', remember: false, keep_minutes: 10 },
  telephony: {},
  microphone: {
    enabled: false,
    programs: [
      program('Amazon Chime', 'Amazon Chime'),
      program('BlueJeans', 'BlueJeans'),
      program('Circuit', 'Circuit'),
      program('CiscoCollabHost', 'Cisco Webex'),
      program('Discord', 'Discord'),
      program('chrome', 'Google Chrome'),
      program('g2mcomm', 'GoTo Meeting'),
      program('firefox', 'Mozilla Firefox'),
      program('msedge', 'Microsoft Edge'),
      program('iexplore', 'Internet Explorer'),
      program('teams', 'MS Teams (V1)'),
      program('ms-teams', 'MS Teams'),
      program('RingCentral', 'RingCentral'),
      program('Slack', 'Slack'),
      program('TeamViewerMeeting', 'TeamViewer Meeting'),
      program('Unify Office', 'Unify Office'),
      program('Zoom', 'Zoom'),
    ],
  },
  relationships: { default: 'employee', extend_only: false },
}
