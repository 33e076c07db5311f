import { SearchBox } from '@fluentui/react-components'
import { useEffect, useRef, useState } from 'react'

/** A search as one types. Words that have stood for a moment go to the address, which is where they are kept. */
export function SearchField({ q, label, onSearch }: { q: string; label: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(q)
  const sent = useRef(q)
  useEffect(() => {
    // The address was changed by something else, such as a button that clears the filters.
    if (q === sent.current) return
    sent.current = q
    setText(q)
  }, [q])
  useEffect(() => {
    if (text.trim() === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text.trim()
      onSearch(text.trim())
    }, 200)
    return () => clearTimeout(timer)
  }, [text, onSearch])
  return <SearchBox value={text} onChange={(_e, d) => setText(d.value)} placeholder={label} aria-label={label} />
}
