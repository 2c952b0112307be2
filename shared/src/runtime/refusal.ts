/** What Redis refuses for good, and the change that mends it. */

const CERTIFICATE: Record<string, string> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'write REDIS_URL with a host that the certificate names',
  CERT_HAS_EXPIRED: 'renew it',
};
const CERTIFICATE_OTHERWISE = "name the file with its CA's certificate in NODE_EXTRA_CA_CERTS";
const isCertificate = (code: string): boolean => /CERT|UNABLE_TO_VERIFY/.test(code);

/** Redis 7 and older, inside a script and outside. */
const NO_COMMAND = /NOPERM.* run the '([^']+)' command/;
const NO_RIGHT = /NOPERM|executing the script can't/;

/**
 * One line with what an operator has to change before Redis lets us in; undefined for everything that may pass by
 * itself. It repeats neither the user nor the password.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && isCertificate(code))
    return `Redis's certificate is not accepted (${code}): ${CERTIFICATE[code] ?? CERTIFICATE_OTHERWISE}`;
  if (/^(WRONGPASS|NOAUTH)/.test(message))
    return 'Redis refuses the user or the password: correct them in REDIS_URL, or with ACL SETUSER';
  const command = NO_COMMAND.exec(message)?.[1];
  if (command !== undefined)
    return `Redis does not let this user run ${command}: ACL SETUSER with +${command}`;
  if (!NO_RIGHT.test(message)) return undefined;
  return / keys /.test(message)
    ? "Redis does not let this user at Lyftr's keys: ACL SETUSER with ~lyftr:*"
    : 'Redis does not let this user run what the queue needs: ACL SETUSER with +@read +@write';
}
