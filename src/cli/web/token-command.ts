import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { SCOPES, type Scope } from '../../web/access/guard.ts';
import { TokenFile } from '../../web/access/token-file.ts';
import type { Io } from '../io.ts';

/** Where tokens are kept unless somebody says otherwise. */
export function defaultTokenFile(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'edge-detect', 'tokens');
}

/** The option that names the file of tokens, for the server and for this command. */
export function tokensOption(): Option {
  return new Option('--tokens <file>', "the file of tokens' hashes")
    .default(defaultTokenFile(), '~/.config/edge-detect/tokens')
    .env('EDGE_DETECT_WEB_TOKENS');
}

interface TokenFlags {
  readonly tokens: string;
}

/** `edge-detect web token`: who may use the API from elsewhere. */
export function tokenCommand(io: Io): Command {
  const fileOf = ({ tokens }: TokenFlags): TokenFile => new TokenFile(tokens, () => performance.now());
  const command = new Command('token').description('tokens for those who are not on this machine');
  command
    .command('new')
    .description('make a token; it is printed once, and only its hash is kept')
    .addOption(
      new Option('--scope <scope>', 'read; write: also points and notes; admin: also tasks')
        .choices(SCOPES)
        .makeOptionMandatory(),
    )
    .option('--name <name>', 'what it is called, to revoke it by (default: its scope and the time)')
    .addOption(tokensOption())
    .action((flags: TokenFlags & { readonly scope: Scope; readonly name?: string }) => {
      const name = flags.name ?? `${flags.scope}-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}`;
      io.stdout.write(`${fileOf(flags).add(flags.scope, name)}\n`);
      io.stderr.write(`edge-detect: token ${name} may ${flags.scope}; it is not shown again\n`);
    });
  command
    .command('list')
    .description('what tokens there are')
    .addOption(tokensOption())
    .action((flags: TokenFlags) => {
      for (const { created, name, scope } of fileOf(flags).list())
        io.stdout.write(`${name}  ${scope}  ${created}\n`);
    });
  command
    .command('revoke <name>')
    .description('end a token; a server that runs heeds it within a second')
    .addOption(tokensOption())
    .action((name: string, flags: TokenFlags) => {
      fileOf(flags).remove(name);
      io.stderr.write(`edge-detect: token ${name} is revoked\n`);
    });
  return command;
}
