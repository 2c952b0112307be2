/** A webhook of GitHub, as JSON or as a form, is one message. https://docs.github.com/en/webhooks/webhook-events-and-payloads */
import { asOne, header } from './delivery.js';
import { isForm, readForm } from './form.js';
import { at, firstText, parseJson, readJson } from './json.js';

/** Those who own what an event is about, where it is about no repository and no organization. */
const ACCOUNTS = [
  ['account', 'login'],
  ['installation', 'account', 'login'],
  ['marketplace_purchase', 'account', 'login'],
  ['sponsorship', 'sponsorable', 'login'],
  ['enterprise', 'slug'],
];

/** What people wrote, the most particular first. */
const TEXTS = [
  ['comment', 'body'],
  ['review', 'body'],
  ['issue', 'title'],
  ['pull_request', 'title'],
  ['discussion', 'title'],
  ['release', 'name'],
  ['release', 'tag_name'],
  ['head_commit', 'message'],
  ['commit', 'commit', 'message'],
  ['check_run', 'name'],
  ['check_suite', 'head_branch'],
  ['workflow_run', 'name'],
  ['workflow_job', 'name'],
  ['ref'],
  ['zen'],
];

export const github = asOne((delivery) => {
  const { contentType, body, id } = delivery;
  const event = isForm(contentType) ? parseJson(readForm(body).get('payload') ?? '') : readJson(body);
  const first = (paths: readonly (readonly string[])[]) =>
    firstText(...paths.map((path) => at(event, ...path)));
  const action = firstText(at(event, 'action'));
  const names = [header(delivery, 'x-github-event'), action].filter((name) => name !== undefined);
  return {
    id,
    from: first([['sender', 'login']]),
    to: first([['repository', 'full_name'], ['organization', 'login'], ...ACCOUNTS]),
    text: [names.join('.'), first(TEXTS)].filter((part) => part !== undefined && part !== '').join(': '),
  };
});
