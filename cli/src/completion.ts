/** `lyftr completion`: what a shell needs to complete the command, made from the command tree itself. */
import createCompletion from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { examples } from './options.js';

/** Goes behind every other verb, so that it sees them all. The script asks `lyftr complete` at each key. */
export function addCompletion(program: Command): void {
  createCompletion(program, { completionCommandName: 'completion' });
  const command = program.commands.find((each) => each.name() === 'completion');
  if (command === undefined) throw new Error('the completion command is not there');
  examples(
    command,
    'completion bash > ~/.local/share/bash-completion/completions/lyftr',
    'completion zsh > ~/.zfunc/_lyftr',
    'completion fish > ~/.config/fish/completions/lyftr.fish',
  );
}
