/** Signals: a crash, a pause of the machine, an orderly end. */
import type { Process } from '../system.js';
import type { Cluster } from './cluster.js';
import type { Fault } from './fault.js';

const VICTIMS: [string, (cluster: Cluster) => Promise<Process>][] = [
  ['ingest', (cluster) => cluster.up('ingest')],
  ['active writer', (cluster) => cluster.active()],
  ['standby writer', (cluster) => cluster.standby()],
  ['query', (cluster) => cluster.up('query')],
  ['redis', (cluster) => cluster.up('redis')],
];

export const PROCESS_FAULTS: Fault[] = VICTIMS.flatMap(([name, find]): Fault[] => [
  {
    name: `SIGKILL ${name}`,
    async inject({ cluster }) {
      (await find(cluster)).child.kill('SIGKILL');
    },
  },
  {
    name: `SIGSTOP ${name}`,
    async inject({ cluster, hold }) {
      const { child } = await find(cluster);
      child.kill('SIGSTOP');
      await hold(1_000, 10_000);
      child.kill('SIGCONT');
    },
  },
  {
    name: `SIGTERM ${name}`,
    async inject({ cluster }) {
      (await find(cluster)).child.kill('SIGTERM');
    },
  },
]);
