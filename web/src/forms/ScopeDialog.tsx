import { Field, Input } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useDuplicateLocation, useSaveGroup, useSaveLocation } from '../api/admin'
import { FormDialog } from '../components/FormDialog'
import { wrongWith } from '../components/problem'
import type { Group, Location } from '../lib/model'
import { ZoneSelect } from '../ui/ZoneSelect'

/** Add a location, or change its name and time zone. */
export function LocationDialog({ location, onClose }: { location?: Location; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useSaveLocation()
  const [name, setName] = useState(location?.name ?? '')
  const [zone, setZone] = useState(location?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone)
  return (
    <FormDialog
      title={location ? t('admin.locations.editTitle') : t('admin.locations.addTitle')}
      error={save.error}
      fields={['name', 'time_zone']}
      busy={save.isPending}
      reason={name.trim() ? undefined : t('profiles.nameNeeded')}
      onSubmit={() =>
        save.mutate({ id: location?.id, body: { name: name.trim(), time_zone: zone } }, { onSuccess: onClose })
      }
      onClose={onClose}
    >
      <Field label={t('admin.locations.name')} required validationMessage={wrongWith(save.error, 'name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
      <Field label={t('admin.locations.zone')} validationMessage={wrongWith(save.error, 'time_zone')}>
        <ZoneSelect value={zone} onZone={setZone} />
      </Field>
    </FormDialog>
  )
}

/** Add a configuration group to a location, or rename one. */
export function GroupDialog({ location, group, onClose }: { location: string; group?: Group; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useSaveGroup()
  const [name, setName] = useState(group?.name ?? '')
  return (
    <FormDialog
      title={group ? t('admin.locations.editGroupTitle') : t('admin.locations.addGroupTitle')}
      error={save.error}
      fields={['name']}
      busy={save.isPending}
      reason={name.trim() ? undefined : t('profiles.nameNeeded')}
      onSubmit={() => save.mutate({ id: group?.id, body: { name: name.trim(), location } }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Field label={t('admin.locations.name')} required validationMessage={wrongWith(save.error, 'name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
    </FormDialog>
  )
}

/** Make another location with the same settings and groups. */
export function DuplicateDialog({ location, onClose }: { location: Location; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useDuplicateLocation()
  const [name, setName] = useState(t('admin.locations.copyOf', { name: location.name }))
  return (
    <FormDialog
      title={t('admin.locations.duplicateTitle', { name: location.name })}
      action={t('admin.locations.duplicate')}
      error={save.error}
      fields={['name']}
      busy={save.isPending}
      reason={name.trim() ? undefined : t('profiles.nameNeeded')}
      onSubmit={() => save.mutate({ id: location.id ?? '', name: name.trim() }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('admin.locations.duplicateHint')}</p>
      <Field label={t('admin.locations.duplicateName')} required validationMessage={wrongWith(save.error, 'name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
    </FormDialog>
  )
}
