/* The one module that pages load. Every page works without it; each part here only makes it quicker or safer. */

import { upgradeCopyButtons } from "./copy.js";
import { upgradeDialogs } from "./dialog.js";
import { keepDrafts } from "./drafts.js";
import { startIdleClock } from "./idle.js";
import { upgradeMenus } from "./menu.js";
import { sendFormsOnce } from "./once.js";
import { upgradePolicies } from "./policies.js";
import { keepFresh } from "./poll.js";
import { upgradePrintButtons } from "./print.js";
import { upgradeTokenSelection } from "./tokens.js";

keepDrafts();
startIdleClock();
upgradeMenus();
upgradeTokenSelection();
upgradeCopyButtons();
upgradePrintButtons();
upgradeDialogs();
upgradePolicies();
keepFresh();
sendFormsOnce();
