/** `lyftr completion`: prints a completion script for a shell, generated from the commands. */
import createCompletion from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { examples } from './options.js';

/** Call it after all other verbs are added. The script runs `lyftr complete` for each completion. */
export function addCompletion(program: Command): void {
  createCompletion(program, { completionCommandName: 'completion' });
  const command = program.commands.find((each) => each.name() === 'completion');
  if (command === undefined) throw new Error('the completion command is missing');
  examples(
    command,
    'completion bash > ~/.local/share/bash-completion/completions/lyftr',
    'completion zsh > ~/.zfunc/_lyftr',
    'completion fish > ~/.config/fish/completions/lyftr.fish',
  );
}
