// hooklane token: who may administrate, and how much.

import type { Command } from 'commander';
import { DEFAULT_SCOPES } from '../command/admin/token.ts';
import { SCOPES, type Scope } from '../events.ts';
import { duration, list, oneOf } from './options.ts';
import { note, printJson } from './output.ts';
import { addList, change } from './resource.ts';
import { withApi } from './with-api.ts';

interface CreateOptions {
  scope?: Scope[];
  org?: string;
  expires?: string;
  json?: true;
}

export function registerToken(program: Command): void {
  const token = program.command('token').description('tokens for administration: who may do what');
  token
    .command('create')
    .description('make a token, which is shown this once')
    .argument('<name>', 'its name')
    .option(
      '--scope <scopes>',
      `what it is good for: ${SCOPES.join(', ')}, or both with a comma between (default: ${DEFAULT_SCOPES})`,
      (text) => list(text).map(oneOf(SCOPES)),
    )
    .option('--org <organization>', 'only for this organization (id or name)')
    .option('--expires <duration>', 'after which time it is refused, such as 90d (default: never)', duration)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ hooklane token create ci --scope read,write --org acme --expires 90d',
    )
    .action((name: string, { scope: scopes, org, expires, json }: CreateOptions) =>
      change(
        async (api) => {
          const organization = org === undefined ? undefined : await api.resolve('organization', org);
          const input = {
            name,
            ...(scopes && { scopes }),
            ...(organization && { organization }),
            ...(expires && { expires }),
          };
          return { type: 'create', collection: 'tokens', input };
        },
        { ...(json && { json }) },
      ),
    );
  addList(
    token,
    'tokens',
    ['id', 'name', 'scopes', 'createdAt', 'expiresAt', 'createdBy?', 'organizationId?'],
    'token list',
  );
  token
    .command('revoke')
    .description('refuse a token from now on, for good')
    .argument('<token>', 'its id or name')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane token revoke ci')
    .action(async (idOrName: string, { json }: { json?: true }) => {
      const id = await withApi(async (api) => {
        const found = await api.resolve('token', idOrName);
        await api.perform({ type: 'revoke', id: found });
        return found;
      });
      if (json) printJson({ id });
      else note(`${id} is refused from now on.`);
    });
}
