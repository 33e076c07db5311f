/** A choice with a sentence on what it means. */
export function Explained({ text, by }: { text: string; by: string }) {
  return (
    <>
      {text}
      <span className="note explanation">{by}</span>
    </>
  )
}
