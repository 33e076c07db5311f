/** What the server answers instead: a problem document. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly errors?: { field: string; message: string }[],
  ) {
    super(detail)
  }
}
