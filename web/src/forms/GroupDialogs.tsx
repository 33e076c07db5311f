import { Field, Input, Select } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSaveMonitoringGroup, useSaveWorkGroup } from '../api/admin'
import { ChoosePeople } from '../components/ChoosePeople'
import { FormDialog } from '../components/FormDialog'
import { wrongWith } from '../components/problem'
import { GROUP_LEVELS, type GroupLevel, type Schemas } from '../lib/model'

/** Choose what some are to others, with what that means. */
function LevelField({
  label,
  value,
  wrong,
  onChange,
}: {
  label: string
  value: GroupLevel
  wrong?: string
  onChange: (l: GroupLevel) => void
}) {
  const { t } = useTranslation()
  return (
    <Field label={label} hint={t(`admin.groups.means.${value}`)} validationMessage={wrong}>
      <Select value={value} onChange={(_e, d) => onChange(GROUP_LEVELS.find((l) => l === d.value) ?? value)}>
        {GROUP_LEVELS.map((l) => (
          <option key={l} value={l}>
            {t(`relationships.level.${l}`)}
          </option>
        ))}
      </Select>
    </Field>
  )
}

export function WorkGroupDialog({ group, onClose }: { group?: Schemas['WorkGroup']; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useSaveWorkGroup()
  const [name, setName] = useState(group?.name ?? '')
  const [level, setLevel] = useState<GroupLevel>(group?.level ?? 'team_colleague')
  const [members, setMembers] = useState(group?.members ?? [])
  return (
    <FormDialog
      title={group ? t('admin.groups.editWork') : t('admin.groups.newWork')}
      error={save.error}
      fields={['name', 'level', 'members']}
      busy={save.isPending}
      reason={name.trim() ? undefined : t('profiles.nameNeeded')}
      onSubmit={() =>
        save.mutate({ id: group?.id, body: { name: name.trim(), level, members } }, { onSuccess: onClose })
      }
      onClose={onClose}
    >
      <Field label={t('admin.groups.name')} required validationMessage={wrongWith(save.error, 'name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
      <LevelField
        label={t('admin.groups.level')}
        value={level}
        wrong={wrongWith(save.error, 'level')}
        onChange={setLevel}
      />
      <ChoosePeople
        label={t('admin.groups.members')}
        value={members}
        wrong={wrongWith(save.error, 'members')}
        onChange={setMembers}
      />
    </FormDialog>
  )
}

export function MonitoringGroupDialog({ group, onClose }: { group?: Schemas['MonitoringGroup']; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useSaveMonitoringGroup()
  const [name, setName] = useState(group?.name ?? '')
  const [observerLevel, setObserverLevel] = useState<GroupLevel>(group?.observer_level ?? 'team_colleague')
  const [memberLevel, setMemberLevel] = useState<GroupLevel>(group?.member_level ?? 'employee')
  const [observers, setObservers] = useState(group?.observers ?? [])
  const [members, setMembers] = useState(group?.members ?? [])
  return (
    <FormDialog
      title={group ? t('admin.groups.editMonitoring') : t('admin.groups.newMonitoring')}
      error={save.error}
      fields={['name', 'observer_level', 'member_level', 'observers', 'members']}
      busy={save.isPending}
      reason={name.trim() ? undefined : t('profiles.nameNeeded')}
      onSubmit={() =>
        save.mutate(
          {
            id: group?.id,
            body: { name: name.trim(), observer_level: observerLevel, member_level: memberLevel, observers, members },
          },
          { onSuccess: onClose },
        )
      }
      onClose={onClose}
    >
      <Field label={t('admin.groups.name')} required validationMessage={wrongWith(save.error, 'name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
      <ChoosePeople
        label={t('admin.groups.observers')}
        value={observers}
        wrong={wrongWith(save.error, 'observers')}
        onChange={setObservers}
      />
      <LevelField
        label={t('admin.groups.observerLevel')}
        value={observerLevel}
        wrong={wrongWith(save.error, 'observer_level')}
        onChange={setObserverLevel}
      />
      <ChoosePeople
        label={t('admin.groups.members')}
        value={members}
        wrong={wrongWith(save.error, 'members')}
        onChange={setMembers}
      />
      <LevelField
        label={t('admin.groups.memberLevel')}
        value={memberLevel}
        wrong={wrongWith(save.error, 'member_level')}
        onChange={setMemberLevel}
      />
    </FormDialog>
  )
}
