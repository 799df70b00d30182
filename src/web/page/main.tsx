import { render } from 'preact';
import { App } from './app.tsx';
import './style.css';
import './timeline.css';
import './panels.css';

const page = document.getElementById('page');
if (page !== null) render(<App />, page);
