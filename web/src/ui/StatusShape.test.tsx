import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import { STATUSES } from '../lib/model'
import { StatusShape } from './StatusShape'

it('draws every status differently, colours aside', () => {
  const drawn = [...STATUSES, 'off' as const].map((s) => {
    const { container } = render(<StatusShape status={s} />)
    // Filled and hollow differ by whether the ground is the edge's colour.
    const circle = container.querySelector('circle')
    const hollow = s === 'logged_out' || s === 'off' || s === 'busy'
    const signs = [...container.querySelectorAll('path')].map((p) => p.getAttribute('d')).join()
    return `${signs}|${circle?.getAttribute('stroke-width')}|${circle?.getAttribute('stroke-dasharray')}|${hollow}`
  })
  expect(new Set(drawn).size).toBe(drawn.length)
})

it('has a word for those who do not see it', () => {
  render(<StatusShape status="busy" label="Busy" />)
  expect(screen.getByRole('img', { name: 'Busy' })).toBeTruthy()
})
