/** Entry of the page with made-up data: `npm run dev`, then /src/ui/testing/fixture.html. */
import { mountStudio } from '#ui/mount.tsx';
import { fixtureClient } from './fixture-client.ts';

mountStudio(fixtureClient);
