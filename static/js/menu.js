/* Menus are <details> and open by themselves; this closes them with Esc and when the person goes elsewhere. */

const closeMenu = (menu, { refocus }) => {
  if (!menu.open) return;
  menu.open = false;
  if (refocus) menu.querySelector("summary").focus();
};

const upgradeMenu = (menu) => {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenu(menu, { refocus: true });
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target)) closeMenu(menu, { refocus: false });
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) closeMenu(menu, { refocus: false });
  });
};

/** Upgrade every details.menu of the page. */
export const upgradeMenus = () => document.querySelectorAll("details.menu").forEach(upgradeMenu);
