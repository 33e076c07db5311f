export function OwnAgendaPage() { return null }
export function PersonAgendaPage() { return null }
