import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { NumberField } from './NumberField'

it('takes a number that fits, and says why another one is not taken', async () => {
  const user = userEvent.setup()
  const onChange = vi.fn()
  render(<NumberField label="Days" value={30} min={1} max={365} wrong="From 1 to 365." onChange={onChange} />)
  const field = screen.getByLabelText('Days')
  for (const text of ['4000', '0', '2.5']) {
    await user.clear(field)
    await user.type(field, `${text}{Enter}`)
    expect(screen.getByText('From 1 to 365.')).toBeTruthy()
  }
  expect(onChange).not.toHaveBeenCalled()
  await user.clear(field)
  await user.type(field, '14{Enter}')
  expect(screen.queryByText('From 1 to 365.')).toBeNull()
  expect(onChange).toHaveBeenCalledExactlyOnceWith(14)
})
