/** The Kubernetes manifests against what this system needs, and against each other: whatever is named exists. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SETTINGS } from '@lyftr/shared/runtime/env';
import { SHUTDOWN_GRACE_MS } from '@lyftr/shared/limits';
import { instructions, read } from './deploy.js';
import {
  base,
  KUSTOMIZATION,
  manifests,
  MONITORING,
  ofKind,
  podsOf,
  portsOf,
  restorePod,
  selects,
  workloads,
  type Container,
  type Manifest,
  type Peer,
  type PodSpec,
} from './kubernetes.js';

const containers = workloads.flatMap((workload) =>
  workload.spec.template.spec.containers.map((container) => ({ workload, container })),
);

const workload = (name: string): Manifest => {
  const found = workloads.find(({ metadata }) => metadata.name === name);
  assert.ok(found, `there is no workload ${name}`);
  return found;
};

const container = (name: string): Container => {
  const found = containers.find((each) => each.container.name === name)?.container;
  assert.ok(found, `there is no container ${name}`);
  return found;
};

for (const { workload: owner, container: each } of containers) {
  describe(`container ${each.name}`, () => {
    test('is watched: started, alive, ready', () => {
      for (const probe of [each.startupProbe, each.livenessProbe, each.readinessProbe]) {
        assert.ok(probe !== undefined && (probe.httpGet !== undefined || probe.exec !== undefined));
        const { path, port } = probe.httpGet ?? {};
        if (path !== undefined) assert.match(path, /^\/(healthz|readyz)$/);
        if (port !== undefined)
          assert.ok(
            each.ports.some(({ name }) => name === port),
            port,
          );
      }
      // what has been acknowledged elsewhere must not restart a process that waits for it
      assert.notEqual(each.livenessProbe?.httpGet?.path, '/readyz');
    });

    test('takes no more of the node than it is given', () => {
      for (const kind of ['cpu', 'memory']) {
        assert.ok(each.resources?.requests?.[kind], `no request for ${kind}`);
        assert.ok(each.resources.limits?.[kind], `no limit for ${kind}`);
      }
    });

    test('may change nothing but its volumes, and become nobody else', () => {
      assert.equal(each.securityContext?.allowPrivilegeEscalation, false);
      assert.equal(each.securityContext.readOnlyRootFilesystem, true);
      assert.deepEqual(each.securityContext.capabilities?.drop, ['ALL']);
    });

    test('mounts what is there', () => {
      const { volumes = [] } = owner.spec.template.spec;
      const claims = owner.spec.volumeClaimTemplates ?? [];
      const names = [...volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)];
      for (const { name } of each.volumeMounts ?? []) assert.ok(names.includes(name), name);
    });

    test('is given settings that exist', () => {
      for (const { name } of each.env ?? []) assert.ok(Object.hasOwn(SETTINGS, name), name);
    });
  });
}

for (const { metadata, spec } of workloads) {
  describe(`pods of ${metadata.name}`, () => {
    const pod = spec.template.spec;

    test('run as nobody special', () => {
      assert.equal(pod.securityContext?.runAsNonRoot, true);
      assert.ok((pod.securityContext.runAsUser ?? 0) > 0);
      assert.equal(pod.securityContext.seccompProfile?.type, 'RuntimeDefault');
      assert.equal(pod.automountServiceAccountToken, false);
    });

    test('are not given variables for every Service: one of them would be QUERY_PORT', () => {
      assert.equal(pod.enableServiceLinks, false);
    });

    test('are given the time to drain', () => {
      const waits = pod.containers.map(({ lifecycle }) => Number(lifecycle?.preStop.exec.command[1] ?? 0));
      assert.ok((pod.terminationGracePeriodSeconds ?? 0) > Math.max(...waits) + SHUTDOWN_GRACE_MS / 1_000);
    });

    test('are selected by their own workload', () => {
      assert.ok(selects(spec.selector, spec.template.metadata.labels));
      assert.deepEqual(
        podsOf(spec.selector).map((each) => each.metadata.name),
        [metadata.name],
      );
      for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
        assert.ok(selects(labelSelector, spec.template.metadata.labels));
    });
  });
}

test('ports, folders and images are those of the Dockerfile', () => {
  for (const [name, variable] of [
    ['ingest', 'PORT'],
    ['writer', 'WRITER_PORT'],
    ['query', 'QUERY_PORT'],
  ] as const) {
    const { ports, volumeMounts = [], image } = container(name);
    const lines = instructions(name);
    assert.ok(lines.includes(`ENV ${variable}=${ports[0]?.containerPort}`), name);
    assert.equal(image, `lyftr-${name}`);
    assert.ok(
      KUSTOMIZATION.images.some((each) => each.name === image),
      image,
    );
    const data = volumeMounts.find((mount) => mount.name === 'data');
    assert.equal(data !== undefined, lines.includes('ENV DATA_DIR=/data'), name);
    if (data !== undefined) assert.equal(data.mountPath, '/data');
  }
  assert.equal(KUSTOMIZATION.images.length, 3);
});

test('a Service has pods, and a port of theirs', () => {
  for (const { metadata, spec } of ofKind('Service')) {
    const pods = podsOf({ matchLabels: spec.selector as Record<string, string> });
    assert.equal(pods.length, 1, metadata.name);
    for (const { targetPort } of spec.ports)
      assert.ok(portsOf(pods[0] as Manifest).includes(targetPort), `${metadata.name}: ${targetPort}`);
  }
});

test('a URL in the environment names a Service and its port, or a container of the same pod', () => {
  let urls = 0;
  for (const { workload: owner, container: each } of containers) {
    for (const { name, value } of each.env ?? []) {
      if (!name.endsWith('_URL')) continue;
      urls += 1;
      const { hostname, port } = new URL(value ?? '');
      const own = owner.spec.template.spec.containers.flatMap(({ ports }) => ports);
      const ports =
        hostname === '127.0.0.1'
          ? own.map(({ containerPort }) => containerPort)
          : ofKind('Service')
              .filter(({ metadata }) => metadata.name === hostname)
              .flatMap(({ spec }) => spec.ports.map((exposed) => exposed.port));
      assert.ok(ports.includes(Number(port || '80')), `${name}: ${value}`);
    }
  }
  assert.equal(urls, 6);
});

test('no namespace is assumed', () => {
  for (const { namespace } of [KUSTOMIZATION, MONITORING]) assert.equal(namespace, undefined);
  for (const { kind, metadata, spec } of [...manifests, ...restorePod]) {
    assert.notEqual(kind, 'Namespace');
    assert.equal(metadata.namespace, undefined, metadata.name);
    const peers = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) => [
      ...('from' in rule ? (rule.from ?? []) : []),
      ...('to' in rule ? (rule.to ?? []) : []),
    ]);
    // a namespace has the name that its cluster gave it
    for (const { namespaceSelector = {} } of peers) assert.deepEqual(namespaceSelector, {});
  }
});

test('a cluster without the Prometheus operator can take everything but the monitoring', () => {
  const builtIn = /^(v1|(apps|autoscaling|policy)\/v\d+|networking\.k8s\.io\/v1)$/;
  for (const { apiVersion, kind } of base) assert.match(apiVersion, builtIn, kind);
  assert.ok(manifests.some(({ apiVersion }) => !builtIn.test(apiVersion)));
});

test('a backup is restored into the volume that the store has, as the user that it runs as', () => {
  const [pod] = restorePod;
  assert.ok(pod);
  const { containers: inPod, volumes = [], securityContext } = pod.spec as unknown as PodSpec;
  const [shell] = inPod;
  const { template, volumeClaimTemplates = [] } = workload('store').spec;
  const claims = volumeClaimTemplates.map(({ metadata }) => `${metadata.name}-store-0`);
  assert.deepEqual(
    volumes.map(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName),
    claims,
  );
  assert.deepEqual(securityContext, template.spec.securityContext);
  assert.deepEqual(shell?.securityContext, container('query').securityContext);
  assert.equal(shell?.image, container('redis').image);
  // no policy opens anything to it, and no Service leads to it
  assert.ok(!podsOf({ matchLabels: pod.metadata.labels ?? {} }).length);
});

test('what scales, budgets and governs names a workload', () => {
  const [scaler] = ofKind('HorizontalPodAutoscaler');
  assert.deepEqual(workload(scaler?.spec.scaleTargetRef.name ?? '').kind, scaler?.spec.scaleTargetRef.kind);
  assert.ok((scaler?.spec.minReplicas ?? 0) >= 2 && (scaler?.spec.maxReplicas ?? 0) > 2);
  // the two would overwrite each other
  assert.equal(workload('ingest').spec.replicas, undefined);
  for (const { spec } of ofKind('PodDisruptionBudget')) assert.equal(podsOf(spec.selector).length, 1);
  for (const { spec } of ofKind('StatefulSet')) {
    const governing = ofKind('Service').find(({ metadata }) => metadata.name === spec.serviceName);
    assert.ok(governing);
  }
});

test('of Redis and the store there is one each, on a volume that no second pod can mount', () => {
  for (const name of ['redis', 'store']) {
    const { kind, spec } = workload(name);
    assert.equal(kind, 'StatefulSet');
    assert.equal(spec.replicas, 1);
    assert.deepEqual(spec.volumeClaimTemplates?.[0]?.spec.accessModes, ['ReadWriteOncePod']);
  }
});

test('Redis loses nothing that it acknowledged', () => {
  const { args = [], resources } = container('redis');
  const flag = (name: string) => args[args.indexOf(name) + 1];
  assert.equal(flag('--appendonly'), 'yes');
  assert.equal(flag('--appendfsync'), 'always');
  assert.equal(flag('--maxmemory-policy'), 'noeviction');
  // a rewrite of the file needs the memory twice
  assert.ok(
    Number.parseInt(resources?.limits?.['memory'] ?? '') >= 2 * Number.parseInt(flag('--maxmemory') ?? ''),
  );
});

test('secrets are not here; the command that makes them makes every one that is asked for', () => {
  assert.equal(ofKind('Secret').length, 0);
  const command = read('deploy/kubernetes/kustomization.yaml');
  const asked = [
    ...containers.flatMap(({ container: { env = [] } }) =>
      env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
    ),
    ...ofKind('ServiceMonitor').flatMap(({ spec }) =>
      spec.endpoints.map(({ authorization }) => authorization.credentials),
    ),
  ];
  assert.ok(asked.length >= 5);
  for (const { name, key, ...rest } of asked) {
    assert.match(command, new RegExp(`create secret generic ${name} `));
    if ('optional' in rest && rest.optional === true) continue;
    assert.ok(command.includes(`--from-literal=${key}=`), key);
  }
  for (const {
    container: { env = [] },
  } of containers) {
    for (const { name, value } of env) if (/SECRET|TOKEN/.test(name)) assert.equal(value, undefined, name);
  }
});

test('Prometheus finds query, and gives its samples the job that the alerts ask for', () => {
  const [monitor] = ofKind('ServiceMonitor');
  assert.ok(monitor);
  const found = ofKind('Service').filter(({ metadata }) =>
    selects(monitor.spec.selector, metadata.labels ?? {}),
  );
  assert.deepEqual(
    found.map(({ metadata }) => metadata.name),
    ['query'],
  );
  assert.ok(found[0]?.spec.ports.some(({ name }) => name === monitor.spec.endpoints[0]?.port));
  const job = found[0]?.metadata.labels?.[monitor.spec.jobLabel];
  assert.match(read('deploy/prometheus/rules.yml'), new RegExp(`up\\{job="${job}"\\}`));
});

describe('the network', () => {
  const policies = ofKind('NetworkPolicy');
  const labelsOf = (name: string) => workload(name).spec.template.metadata.labels;
  const isPod = (peer: Peer, name: string) =>
    peer.podSelector !== undefined &&
    peer.namespaceSelector === undefined &&
    selects(peer.podSelector, labelsOf(name));

  /** May pods of `from` open a connection to `port` of pods of `to`, as seen from both ends? */
  function allows(from: string, to: string, port: string): boolean {
    const of = (name: string, type: string) =>
      policies.filter(
        ({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, labelsOf(name)),
      );
    const out = of(from, 'Egress')
      .flatMap(({ spec }) => spec.egress ?? [])
      .some(
        (rule) =>
          (rule.to === undefined || rule.to.some((peer) => isPod(peer, to))) &&
          rule.ports.some((each) => each.port === port),
      );
    const into = of(to, 'Ingress')
      .flatMap(({ spec }) => spec.ingress ?? [])
      .some(
        (rule) =>
          (rule.from === undefined || rule.from.some((peer) => isPod(peer, from))) &&
          rule.ports.some((each) => each.port === port),
      );
    return out && into;
  }

  test('is closed by default, and open for what the path needs', () => {
    const [closed] = policies.filter(({ spec }) => spec.ingress === undefined && spec.egress === undefined);
    assert.deepEqual(closed?.spec.podSelector, {});
    assert.deepEqual(closed.spec.policyTypes.toSorted(), ['Egress', 'Ingress']);
    const open = ['ingest', 'store', 'redis'].flatMap((from) =>
      ['ingest', 'store', 'redis'].flatMap((to) =>
        portsOf(workload(to))
          .filter((port) => from !== to && allows(from, to, port))
          .map((port) => `${from} → ${to} ${port}`),
      ),
    );
    assert.deepEqual(open, [
      'ingest → store query',
      'ingest → redis redis',
      // a dead letter that is replayed
      'store → ingest http',
      'store → redis redis',
    ]);
  });

  test('names pods and ports that exist', () => {
    for (const { metadata, spec } of policies) {
      assert.ok(podsOf(spec.podSelector).length > 0, metadata.name);
      const own = podsOf(spec.podSelector).flatMap(portsOf);
      for (const { ports, from = [] } of spec.ingress ?? []) {
        for (const { port } of ports) assert.ok(own.includes(String(port)), `${metadata.name}: ${port}`);
        for (const { podSelector, namespaceSelector } of from)
          if (podSelector !== undefined && namespaceSelector === undefined)
            assert.equal(podsOf(podSelector).length, 1);
      }
      for (const { ports, to } of spec.egress ?? []) {
        // to a name server, wherever it is, and to nobody else without a name
        if (to === undefined) for (const { port } of ports) assert.equal(port, 53);
        for (const { podSelector } of to ?? []) {
          if (podSelector === undefined) continue;
          const theirs = podsOf(podSelector).flatMap(portsOf);
          for (const { port } of ports) assert.ok(theirs.includes(String(port)), `${metadata.name}: ${port}`);
        }
      }
    }
  });
});
