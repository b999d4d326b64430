export function format(date) {
  return `Report of ${date.toISOString().slice(0, 10)}`
}
