import { SearchBox } from '@fluentui/react-components'
import { useEffect, useState } from 'react'

/** A search as one types. Words that have stood for a moment go to the address, which is where they are kept. */
export function SearchField({ q, label, onSearch }: { q: string; label: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(q)
  useEffect(() => {
    if (text.trim() === q) return
    const timer = setTimeout(() => onSearch(text.trim()), 200)
    return () => clearTimeout(timer)
  }, [text, q, onSearch])
  return <SearchBox value={text} onChange={(_e, d) => setText(d.value)} placeholder={label} aria-label={label} />
}
