import './ui/base.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import { firstLanguage, startMessages } from './messages'

async function start() {
  // The mode is a constant of the build: in a production bundle this is no code at all.
  if (import.meta.env.MODE === 'mock') (await import('../mock-api')).startMock()
  await startMessages(firstLanguage())
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no root')
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
  if (import.meta.env.MODE === 'production' && 'serviceWorker' in navigator) {
    await navigator.serviceWorker.register('/sw.js')
  }
}

void start()
