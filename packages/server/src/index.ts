/** The platform as a library: for the `roost` command and for tests. */
export { type Config, readConfig } from './config.ts'
export { type RunningServer, startServer } from './main.ts'
export { StartError } from './store/folder.ts'
