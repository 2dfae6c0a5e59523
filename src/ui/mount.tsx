/** Puts the studio on the page, in front of whatever engine it is given. */
import '@mantine/core/styles/default-css-variables.css';
import '@mantine/core/styles/baseline.css';
import '@mantine/core/styles/global.css';
import '@mantine/core/styles/UnstyledButton.css';
import '@mantine/core/styles/Button.css';
import '@mantine/core/styles/Loader.css';
import '@mantine/core/styles/Input.css';
import '@mantine/core/styles/SegmentedControl.css';
import '@mantine/core/styles/FloatingIndicator.css';
import '@mantine/core/styles/Slider.css';
import '@mantine/core/styles/InlineInput.css';
import '@mantine/core/styles/Switch.css';
import './styles/tokens.css';
import './styles/frame.css';
import './styles/recipe.css';
import './styles/result.css';
import './styles/panes.css';
import './styles/table.css';
import './styles/charts.css';
import { MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import type { Client } from '#studio/client.ts';
import { App } from './app.tsx';
import { startSession } from './state/session/start.ts';
import { THEME } from './theme.ts';

export function mountStudio(client: Client): void {
  const root = document.getElementById('root');
  if (root === null) throw new Error('The page has no element #root.');
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={THEME} defaultColorScheme="auto">
        <App />
      </MantineProvider>
    </StrictMode>,
  );
  void startSession(client);
}
