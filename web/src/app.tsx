import { FluentProvider } from '@fluentui/react-components'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect } from 'react'
import { onSignedOut, queryClient } from './api/queries'
import { useTheme } from './components/appearance'
import { router } from './router'
import { themes } from './ui/theme'

export function App() {
  const theme = useTheme()
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  useEffect(
    () =>
      onSignedOut(() => {
        const { pathname, href } = router.state.location
        if (pathname !== '/sign-in' && pathname !== '/setup') {
          void router.navigate({ to: '/sign-in', search: { to: href === '/' ? undefined : href } })
        }
      }),
    [],
  )
  return (
    <FluentProvider theme={themes[theme]} className="app">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </FluentProvider>
  )
}
