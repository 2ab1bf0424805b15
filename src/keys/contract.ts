// What a key is: who its holder is, what that role may do, and what TLS needs of it. Plain values.

/** node: answers, and commands nobody. observer: may look. operator: may do everything, and issues keys. */
export const roles = ["node", "observer", "operator"] as const;

export type Role = (typeof roles)[number];

/** What a holder may be called. */
export const namePattern = /^[A-Za-z0-9._-]{1,64}$/;
export const clusterPattern = /^c_[a-z0-9]{10}$/;

/** Who somebody is, as his certificate says. */
export interface Identity {
  role: Role;
  /** Matches `namePattern`. */
  name: string;
  /** The cluster that issued the key: "c_" and ten characters. */
  cluster: string;
  /** SHA-256 of the certificate, 64 hexadecimal digits. */
  fingerprint: string;
}

export interface Key {
  identity: Identity;
  /** PEM. */
  certificate: string;
  /** PEM, PKCS #8. */
  privateKey: string;
  /** PEM of every certificate authority that the holder accepts, the newest first. More than one while a cluster is re-keyed. */
  authorities: readonly string[];
  /** PEM, PKCS #8: the newest authority's, by which further keys are issued. Operators only. */
  authorityKey: string | null;
}

/** The name in a node's certificate, the same for all: addresses of nodes do not matter. */
export const nodeServerName = "ctl-node";

/** What stands in every certificate, beside its purpose. */
export function identityUri({ cluster, role, name }: Omit<Identity, "fingerprint">): string {
  return `ctl://${cluster}/role/${role}/${name}`;
}

const uriPattern =
  /^ctl:\/\/(?<cluster>c_[a-z0-9]{10})\/role\/(?<role>node|observer|operator)\/(?<name>[A-Za-z0-9._-]{1,64})$/;

/** Null for anything else. */
export function parseIdentityUri(uri: string): Omit<Identity, "fingerprint"> | null {
  const groups = uriPattern.exec(uri)?.groups;
  const role = roles.find((word) => word === groups?.["role"]);
  const cluster = groups?.["cluster"];
  const name = groups?.["name"];
  return role && cluster && name ? { cluster, role, name } : null;
}

/** Whether a key of `role` is good for what `needed` may do. A node's key is good for nothing but being a node. */
export function suffices(role: Role, needed: Role): boolean {
  return role === needed || (role === "operator" && needed === "observer");
}
