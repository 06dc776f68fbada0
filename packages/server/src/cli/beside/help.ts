/** At the end of the help of every command that works on the database itself. */
export const BESIDE =
  '\nIt works on the database itself, whether the server runs or not: run it in the environment and as the user of the server.'
