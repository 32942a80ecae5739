import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

type Service = {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  profiles?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
  deploy?: { resources: { reservations: { devices: { driver: string; capabilities: string[] }[] } } };
};
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> };

const ROOT = new URL('../../', import.meta.url);
const readRepositoryFile = (name: string) => readFileSync(fileURLToPath(new URL(name, ROOT)), 'utf8');
const compose: Compose = parse(readRepositoryFile('docker-compose.yml'), { merge: true });

function serviceNamed(name: string): Service {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

/** A Dockerfile as its stages: each a list of instructions with continued lines joined and comments removed. */
function readStages(file: string): { name: string; base: string; instructions: string[] }[] {
  const lines = readRepositoryFile(file)
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: ReturnType<typeof readStages> = [];
  for (const line of lines) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (from !== null) stages.push({ base: from[1] ?? '', name: from[2] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push(line);
  }
  return stages;
}

describe('docker-compose.yml', () => {
  it('keeps the queue: Redis appends to its log, evicts nothing and has a volume', () => {
    const { command = [], volumes = [] } = serviceNamed('redis');
    const optionOf = (name: string) => command[command.indexOf(name) + 1];
    expect(optionOf('--appendonly')).toBe('yes');
    expect(optionOf('--maxmemory-policy')).toBe('noeviction');
    const [source, target] = volumes[0]?.split(':') ?? [];
    expect(Object.keys(compose.volumes)).toContain(source);
    expect(target).toBe('/data');
  });

  it.each(['api', 'worker', 'worker-gpu'])(
    'gives %s the shared volume as its data folder and the same Redis',
    (name) => {
      const { environment = {}, volumes = [], depends_on: dependsOn = {} } = serviceNamed(name);
      expect(volumes).toEqual([`data:${environment.DATA_DIR}`]);
      expect(new URL(environment.REDIS_URL ?? '').hostname).toBe('redis');
      expect(dependsOn.redis?.condition).toBe('service_healthy');
      expect(Object.keys(compose.volumes)).toContain('data');
    },
  );

  it('starts the GPU worker only when its profile is asked for, with a GPU', () => {
    const { profiles, deploy } = serviceNamed('worker-gpu');
    expect(profiles).toEqual(['gpu']);
    expect(deploy?.resources.reservations.devices[0]).toMatchObject({
      driver: 'nvidia',
      capabilities: ['gpu'],
    });
    expect(serviceNamed('worker').profiles).toBeUndefined();
  });

  it('asks no worker for the health of an API', () => {
    expect(serviceNamed('worker').healthcheck).toEqual({ disable: true });
  });
});

describe.each(['Dockerfile', 'Dockerfile.gpu'])('%s', (file) => {
  const stages = readStages(file);
  const last = stages.at(-1);

  it('compiles in one stage and runs in another that has no compiler', () => {
    expect(stages).toHaveLength(2);
    expect(stages[0]?.instructions.join('\n')).toContain('g++');
    expect(last?.instructions.filter((line) => /apt-get|g\+\+|pip|npm/.test(line))).toEqual([]);
    expect(last?.base).toMatch(/-slim$/);
  });

  it('runs as a user who is not root, set before the command', () => {
    const users = last?.instructions.filter((line) => line.startsWith('USER ')) ?? [];
    expect(users).toEqual(['USER node']);
    expect(last?.instructions.at(-1)).toMatch(/^CMD \[/);
  });

  it('copies the engine to the path its links point at', () => {
    const cache = /ARCQUEUE_CACHE=(\S+)/.exec(stages[0]?.instructions.join('\n') ?? '')?.[1];
    expect(last?.instructions).toContain(`COPY --from=build ${cache} ${cache}`);
    expect(last?.instructions).toContain('COPY --from=build /app/node_modules ./node_modules');
    expect(stages.map(({ instructions }) => instructions.find((line) => line.startsWith('WORKDIR')))).toEqual(
      ['WORKDIR /app', 'WORKDIR /app'],
    );
  });

  it('has a health check', () => {
    expect(last?.instructions.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
  });
});

it('asks /healthz in the image that holds the API, and takes the GPU build in the other', () => {
  expect(readRepositoryFile('Dockerfile')).toMatch(/HEALTHCHECK [\s\S]*\/healthz/);
  expect(readRepositoryFile('Dockerfile')).toContain('ENGINE=cpu');
  expect(readRepositoryFile('Dockerfile.gpu')).toContain('ENGINE=gpu');
});

it('sends to the build what its stage copies', () => {
  const sent = readRepositoryFile('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = readStages('Dockerfile').flatMap(({ instructions }) =>
    instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1)),
  );
  expect(copied.filter((name) => !sent.includes(name.replace('./', '')))).toEqual([]);
});
