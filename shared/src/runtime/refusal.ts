/** Explains errors of Redis that a retry cannot solve, and how to correct them. */

const CERTIFICATE: Record<string, string> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'use a host in REDIS_URL that the certificate contains',
  CERT_HAS_EXPIRED: 'renew the certificate',
};
const CERTIFICATE_OTHERWISE = 'set NODE_EXTRA_CA_CERTS to the file with the certificate of its CA';
const isCertificate = (code: string): boolean => /CERT|UNABLE_TO_VERIFY/.test(code);

/** The wording of Redis 7 and older, inside and outside of a script. */
const NO_COMMAND = /NOPERM.* run the '([^']+)' command/;
const NO_RIGHT = /NOPERM|executing the script can't/;

/**
 * One line that says what to change before Redis accepts us. Undefined for errors that may go away by themselves.
 * Contains neither the user nor the password.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && isCertificate(code))
    return `the certificate of Redis is invalid (${code}): ${CERTIFICATE[code] ?? CERTIFICATE_OTHERWISE}`;
  if (/^(WRONGPASS|NOAUTH)/.test(message))
    return 'Redis rejected the user or the password: correct them in REDIS_URL or with ACL SETUSER';
  const command = NO_COMMAND.exec(message)?.[1];
  if (command !== undefined)
    return `the Redis user may not run ${command}: grant it with ACL SETUSER and +${command}`;
  if (!NO_RIGHT.test(message)) return undefined;
  return / keys /.test(message)
    ? "the Redis user may not use Lyftr's keys: grant them with ACL SETUSER and ~lyftr:*"
    : 'the Redis user may not run the commands of the queue: grant them with ACL SETUSER and +@read +@write';
}
