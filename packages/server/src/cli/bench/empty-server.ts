/**
 * The measure of `roost bench register`: Fastify as it comes, with a route that reads the same body and does nothing. It
 * answers what a registration is answered.
 */
import fastify from 'fastify'

const app = fastify()
app.post('/json/1.3/registerDevice', async () => ({ status_code: 200, status_message: 'OK', response: null }))
process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }))
process.on('disconnect', () => process.exit())
