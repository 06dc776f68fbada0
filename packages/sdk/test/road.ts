/** The network between a phone and the server: a real one, that can go away. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Road {
  readonly url: string
  isUp: boolean
  /** What is asked comes to the server; its answers are lost. */
  losesAnswers: boolean
  /** What is on its way is lost. */
  cut(): void
  close(): Promise<void>
}

export async function openRoad(target: string): Promise<Road> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const own = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer(near => {
    own(near)
    if (!road.isUp) {
      near.destroy()
      return
    }
    const far = own(connect(Number(port), hostname))
    near.pipe(far)
    far.on('data', answer => (road.losesAnswers ? near.destroy() : near.write(answer)))
    far.on('end', () => near.end())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const road: Road = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isUp: true,
    losesAnswers: false,
    cut: () => {
      road.isUp = false
      for (const it of sockets) it.destroy()
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const it of sockets) it.destroy()
      }),
  }
  return road
}
