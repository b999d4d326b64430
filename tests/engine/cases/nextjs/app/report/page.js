export const dynamic = 'force-dynamic'

export default async function Page() {
  const { format } = await import('./words')
  return <h1>{format(new Date(0))}</h1>
}
