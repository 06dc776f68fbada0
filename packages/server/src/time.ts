/** The clock that is passed in wherever time matters, so that tests move it instead of sleeping. */
export { type Clock, systemClock } from '@roost/gateways'
