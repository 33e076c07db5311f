/** What a call that did not work throws. Problem documents (RFC 9457) keep their words and the fields they blame. */
export class Problem extends Error {
  /** HTTP status; 0 if the server was not reached. */
  readonly status: number
  readonly fields: { field: string; message: string }[]

  constructor(status: number, detail: string, fields: { field: string; message: string }[] = []) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.fields = fields
  }

  /** What is wrong with one field; the server writes body.until, forms know it as until. */
  field(name: string): string | undefined {
    return this.fields.find((f) => f.field.replace(/^body\./, '') === name)?.message
  }
}

/** Whether a change was refused because somebody else was faster; no other refusal of one blames no field. */
export const changedMeanwhile = (e: unknown): boolean => e instanceof Problem && e.status === 409 && !e.fields.length

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Waits for a call of the generated client and returns its data, or throws a Problem. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch {
    throw new Problem(0, '')
  }
  if (answer.response.ok) return answer.data as T
  const p = (answer.error ?? {}) as {
    detail?: string
    title?: string
    errors?: { field: string; message: string }[]
  }
  throw new Problem(answer.response.status, p.detail ?? p.title ?? '', p.errors ?? [])
}
