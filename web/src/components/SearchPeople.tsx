import { SearchBox } from '@fluentui/react-components'
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** Search as you type over everybody. The address keeps the words; the team page shows who they find. */
export function SearchPeople() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const box = useRef<HTMLInputElement>(null)
  const inAddress = useRouterState({ select: (s) => (s.location.search as { q?: string }).q ?? '' })
  const path = useRouterState({ select: (s) => s.location.pathname })
  const onTeam = path === '/' || /^\/people\/[^/]+$/.test(path)
  const shown = onTeam ? inAddress : ''
  const [text, setText] = useState(shown)
  const typed = useRef(shown)

  // Back, forward and links change the address without typing.
  useEffect(() => {
    if (shown !== typed.current) {
      typed.current = shown
      setText(shown)
    }
  }, [shown])

  useEffect(() => {
    const q = text.trim()
    if (q === typed.current) return
    const timer = setTimeout(() => {
      typed.current = q
      void navigate({
        to: '/',
        search: (s) => ({ ...s, q: q || undefined, status: undefined }),
        replace: onTeam && shown !== '',
      })
    }, 150)
    return () => clearTimeout(timer)
  }, [text, navigate, onTeam, shown])

  useEffect(() => {
    const slash = (e: KeyboardEvent) => {
      const el = e.target as HTMLElement
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName)) return
      if (document.querySelector('[role="dialog"]')) return
      e.preventDefault()
      box.current?.focus()
    }
    document.addEventListener('keydown', slash)
    return () => document.removeEventListener('keydown', slash)
  }, [])

  return (
    <search className="search">
      <SearchBox
        ref={box}
        value={text}
        onChange={(_e, d) => setText(d.value)}
        placeholder={t('search.placeholder')}
        aria-label={t('search.label')}
        aria-keyshortcuts="/"
        appearance="filled-darker"
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') {
            e.preventDefault()
            document.querySelector<HTMLElement>('main .tile')?.focus()
          }
        }}
      />
    </search>
  )
}
