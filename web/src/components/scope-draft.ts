import { useState } from 'react'
import { foreign, rebased } from '../lib/meanwhile'
import type { SectionName } from '../lib/model'
import { type Draft, edited, type Part, type Scope } from '../lib/scope'

/** Changes that are not saved yet, what they go on from, and what was seen when somebody last looked. */
type Work = { draft: Draft; onto: Scope; seen: Scope }

/**
 * The draft of a scope's settings. If somebody else saves meanwhile, the draft is kept and goes on from what is saved
 * now; what they have changed is told until it has been looked at.
 */
export function useScopeDraft(saved: Scope, base: Scope | undefined, saving: boolean) {
  const [work, setWork] = useState<Work>()
  // What is saved while one's own call runs is what that call saves.
  if (work && !saving && work.onto !== saved)
    setWork({ ...work, draft: rebased(work.onto, work.draft, saved, base), onto: saved })
  const { draft, onto, seen } = work ?? { draft: {}, onto: saved, seen: saved }
  const next: Scope = { ...onto, ...draft }
  const others = foreign(seen, onto, next, !!base)
  return {
    draft,
    /** What there was when somebody last looked. */
    seen,
    /** What the draft differs from. */
    onto,
    next,
    others,
    put: <S extends SectionName>(section: S, part: Part<S>) => {
      const now = edited(onto, draft, section, part)
      setWork(Object.keys(now).length || others.length ? { draft: now, onto, seen } : undefined)
    },
    /** All of what others have changed has been looked at. */
    looked: () => setWork(Object.keys(draft).length ? { draft, onto, seen: onto } : undefined),
    discard: () => setWork(undefined),
  }
}
