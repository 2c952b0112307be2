/** The Kubernetes manifests, read as a test wants them. */
import { parse, parseAllDocuments } from 'yaml';
import { read } from './deploy.js';

export interface Probe {
  httpGet?: { path: string; port: string };
  exec?: { command: string[] };
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
  }[];
  envFrom?: { configMapRef: { name: string } }[];
  ports: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  lifecycle?: { preStop: { exec: { command: string[] } } };
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: {
    allowPrivilegeEscalation?: boolean;
    readOnlyRootFilesystem?: boolean;
    capabilities?: { drop: string[] };
  };
  volumeMounts?: { name: string; mountPath: string }[];
}

export interface PodSpec {
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext?: { runAsNonRoot?: boolean; runAsUser?: number; seccompProfile?: { type: string } };
  topologySpreadConstraints?: { labelSelector: Selector }[];
  containers: Container[];
  volumes?: { name: string; persistentVolumeClaim?: { claimName: string } }[];
}

export interface Selector {
  matchLabels?: Record<string, string>;
}

export interface Peer {
  podSelector?: Selector;
  namespaceSelector?: Selector;
}

interface PolicyPort {
  protocol: string;
  port: string | number;
}

/** The members of every kind that a test looks at. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec: {
    replicas?: number;
    serviceName?: string;
    selector: Selector & Record<string, unknown>;
    template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
    volumeClaimTemplates?: { metadata: { name: string }; spec: { accessModes: string[] } }[];
    ports: { name: string; port: number; targetPort: string }[];
    scaleTargetRef: { kind: string; name: string };
    minReplicas: number;
    maxReplicas: number;
    podSelector: Selector;
    policyTypes: string[];
    ingress?: { from?: Peer[]; ports: PolicyPort[] }[];
    /** Without `to`: to everybody. */
    egress?: { to?: Peer[]; ports: PolicyPort[] }[];
    jobLabel: string;
    endpoints: { port: string; authorization: { credentials: { name: string; key: string } } }[];
  };
}

interface Kustomization {
  namespace?: string;
  resources: string[];
}

export const KUSTOMIZATION = parse(read('deploy/kubernetes/kustomization.yaml')) as Kustomization & {
  images: { name: string; newTag: string }[];
  configMapGenerator: { name: string; literals: string[] }[];
};

/** For a cluster with the Prometheus operator, beside the others. */
export const MONITORING = parse(read('deploy/kubernetes/monitoring/kustomization.yaml')) as Kustomization;

export const parseManifests = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest);

const manifestsIn = (folder: string, files: readonly string[]): Manifest[] =>
  files.flatMap((file) => parseManifests(read(`deploy/kubernetes/${folder}${file}`)));

/** What `kubectl apply -k deploy/kubernetes` applies. */
export const base = manifestsIn('', KUSTOMIZATION.resources);
/** A shell on the store's volume. */
export const restorePod = manifestsIn('restore/', ['pod.yaml']);

export const manifests = [...base, ...manifestsIn('monitoring/', MONITORING.resources)];

export const ofKind = (...kinds: string[]): Manifest[] =>
  manifests.filter(({ kind }) => kinds.includes(kind));

export const workloads = ofKind('Deployment', 'StatefulSet');

/** Whether labels have everything that the selector asks for; one that asks for nothing selects all. */
export const selects = ({ matchLabels = {} }: Selector, labels: Record<string, string>): boolean =>
  Object.entries(matchLabels).every(([label, value]) => labels[label] === value);

export const podsOf = (selector: Selector): Manifest[] =>
  workloads.filter(({ spec }) => selects(selector, spec.template.metadata.labels));

export const portsOf = ({ spec }: Manifest): string[] =>
  spec.template.spec.containers.flatMap(({ ports }) => ports.map(({ name }) => name));
