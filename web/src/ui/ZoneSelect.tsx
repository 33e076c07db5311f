import { Select, type SelectProps } from '@fluentui/react-components'

/** All time zones by their names. empty is the word for having none of one's own; without it one must be chosen. */
export function ZoneSelect({
  value,
  empty,
  onZone,
  ...select
}: { value: string; empty?: string; onZone: (zone: string) => void } & Omit<SelectProps, 'value' | 'onChange'>) {
  const zones = [...new Set([...(value ? [value] : []), 'UTC', ...Intl.supportedValuesOf('timeZone')])]
  return (
    <Select {...(select as object)} value={value} onChange={(_e, d) => onZone(d.value)}>
      {empty !== undefined && <option value="">{empty}</option>}
      {zones.map((z) => (
        <option key={z} value={z}>
          {z.replaceAll('_', ' ')}
        </option>
      ))}
    </Select>
  )
}
