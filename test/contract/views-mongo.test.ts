import { openMongoViews } from '../../src/views/mongo.ts';
import { missing } from '../support/engines.ts';
import { emptyDatabase } from '../views/mongo-database.ts';
import { viewsContract } from './views.ts';

viewsContract(
  'MongoDB',
  (t) => {
    const url = emptyDatabase(t);
    return (definitions, retention) => openMongoViews({ url, definitions, ...(retention && { retention }) });
  },
  missing('mongodb'),
);
