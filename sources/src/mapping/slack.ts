/**
 * An event (JSON), a command (a form) or an interaction (a form whose `payload` is JSON) is one message.
 * https://docs.slack.dev/apis/events-api https://docs.slack.dev/interactivity
 */
import { asOne, type Delivery, type Draft } from './delivery.js';
import { readForm } from './form.js';
import { at, firstText, isObject, itemsOf, parseJson, readJson } from './json.js';
import { readSeconds } from './time.js';

type Rule = Omit<Draft, 'pointer'>;

/** An id, alone or in its object. */
const idOf = (value: unknown): string | undefined => firstText(value, at(value, 'id'));

function ofEvent(callback: unknown, delivery: Delivery): Rule {
  const event = at(callback, 'event');
  const changed = at(event, 'message');
  const type = firstText(at(event, 'type'), at(callback, 'type'));
  const reaction = firstText(at(event, 'reaction'));
  return {
    id: firstText(at(callback, 'event_id'), at(callback, 'trigger_id')) ?? delivery.id,
    from:
      idOf(at(event, 'user')) ??
      firstText(
        at(event, 'user_id'),
        at(changed, 'user'),
        at(event, 'bot_id'),
        at(changed, 'bot_id'),
        at(callback, 'authorizations', 0, 'user_id'),
      ),
    to:
      idOf(at(event, 'channel')) ??
      firstText(at(event, 'channel_id'), at(event, 'item', 'channel'), at(callback, 'team_id')),
    ts: readSeconds(at(callback, 'event_time')),
    text:
      firstText(at(event, 'text'), at(changed, 'text')) ??
      [type, reaction].filter((part) => part !== undefined).join(' '),
  };
}

const valueOf = (action: unknown): string | undefined =>
  firstText(at(action, 'value'), at(action, 'selected_option', 'value'));

function ofInteraction(payload: unknown, delivery: Delivery): Rule {
  const actions = itemsOf(at(payload, 'actions')).map((action) =>
    [firstText(at(action, 'action_id'), at(action, 'name')), valueOf(action)]
      .filter((part) => part !== undefined)
      .join(' '),
  );
  return {
    id: firstText(at(payload, 'trigger_id')) ?? delivery.id,
    from: idOf(at(payload, 'user')),
    to: idOf(at(payload, 'channel')) ?? idOf(at(payload, 'team')) ?? idOf(at(payload, 'user', 'team_id')),
    text: firstText(
      actions.join(', '),
      at(payload, 'callback_id'),
      at(payload, 'view', 'callback_id'),
      at(payload, 'type'),
    ),
  };
}

function ofCommand(form: ReadonlyMap<string, string>, delivery: Delivery): Rule {
  return {
    id: firstText(form.get('trigger_id')) ?? delivery.id,
    from: form.get('user_id'),
    to: firstText(form.get('channel_id'), form.get('team_id')),
    text: [form.get('command'), form.get('text')]
      .filter((part) => part !== undefined && part !== '')
      .join(' '),
  };
}

export const slack = asOne((delivery) => {
  const callback = readJson(delivery.body);
  if (isObject(callback)) return ofEvent(callback, delivery);
  const form = readForm(delivery.body);
  const payload = form.get('payload');
  return payload === undefined ? ofCommand(form, delivery) : ofInteraction(parseJson(payload), delivery);
});
