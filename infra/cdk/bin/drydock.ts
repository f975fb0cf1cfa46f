import { app } from '../lib/app.js';

app().app.synth();
