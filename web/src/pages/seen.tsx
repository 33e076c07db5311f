export function SeenPage() { return null }
