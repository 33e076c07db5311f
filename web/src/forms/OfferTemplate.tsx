import { Checkbox, Field } from '@fluentui/react-components'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { placeWords } from '../lib/change-words'
import type { Template } from '../lib/model'
import { kept, offered, offering, type Scope, usesOf, withdrawn } from '../lib/scope'

/** What a section needs to offer a template, which belongs to another section of the same draft. */
export type Offer = {
  /** What is saved, and what will be. */
  saved: Scope
  next: Scope
  /** The location whose templates these are, where they cannot be changed here. */
  location?: { id: string; name: string }
  onTemplates: (templates: Template[]) => void
}

/** Whether there is a central template of a name (T2, M2). */
export function OfferTemplate({ name, hint, offer }: { name: string; hint: string; offer: Offer }) {
  const { t } = useTranslation()
  const { saved, next, location, onTemplates } = offer
  const templates = next.templates.value
  const found = offered(templates, name)
  const uses = found ? usesOf(next, found.id).map((u) => placeWords(u, t)) : []
  // A disabled box takes no focus and could not say why; this one stays as it is.
  const fixed = location === undefined && uses.length > 0
  const more =
    location !== undefined
      ? t('admin.offer.default', { name: location.name })
      : fixed
        ? t('admin.offer.used', { uses: t('admin.templates.usedBy', { uses: uses.join('; ') }) })
        : !found && t(kept(templates, name) ? 'admin.offer.again' : 'admin.offer.hint')
  return (
    <Field
      className="offer"
      hint={
        <>
          {hint} {more}
          {location && (
            <>
              {' '}
              <Link to="/admin/scopes/$scope" params={{ scope: location.id }}>
                {t('admin.offer.open', { name: location.name })}
              </Link>
            </>
          )}
        </>
      }
    >
      <Checkbox
        label={t('admin.offer.label', { name })}
        disabled={location !== undefined}
        aria-disabled={fixed || undefined}
        checked={!!found}
        onChange={(_e, d) =>
          !fixed &&
          onTemplates(
            d.checked
              ? offering(templates, name, saved.templates.value)
              : withdrawn(templates, name, saved.templates.value),
          )
        }
      />
    </Field>
  )
}
