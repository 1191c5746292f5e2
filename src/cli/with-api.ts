// Where a command looks: at a server, where one is named, else in the stores of the data directory.

import type { Api } from './api.ts';
import { remoteServer } from './remote-server.ts';

/** Runs `work` with the API of where this command is to look. */
export async function withApi<T>(work: (api: Api) => Promise<T>): Promise<T> {
  const server = remoteServer(process.env);
  // Either loads a lot that the other does without.
  if (server === undefined) {
    const { withLocalApi } = await import('./local-api.ts');
    return withLocalApi(work);
  }
  const { createRemoteApi } = await import('./remote-api.ts');
  return work(await createRemoteApi(server));
}
