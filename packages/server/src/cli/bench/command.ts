/** `roost bench`: what this machine does with Roost. Each measurement prints one line of JSON last. */
import { Command } from 'commander'
import { callsBenchCommand } from './calls.ts'
import { gatewayBenchCommand } from './gateway.ts'
import { importBenchCommand } from './import.ts'
import { liveBenchCommand } from './live.ts'
import { receiptsBenchCommand } from './receipts.ts'
import { registerBenchCommand } from './register.ts'
import { segmentBenchCommand } from './segment.ts'
import { sendBenchCommand } from './send.ts'

export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure parts of Roost on this machine')
    .addCommand(gatewayBenchCommand())
    .addCommand(registerBenchCommand())
    .addCommand(importBenchCommand())
    .addCommand(sendBenchCommand())
    .addCommand(segmentBenchCommand())
    .addCommand(receiptsBenchCommand())
    .addCommand(liveBenchCommand())
    .addCommand(callsBenchCommand())
}
